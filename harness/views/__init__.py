"""Views: documents for eyes, as text, Markdown, HTML and plots."""
