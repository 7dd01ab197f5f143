"""Views: documents for eyes and for programs, as text, Markdown, CSV, JSON and plots."""
