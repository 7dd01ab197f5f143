"""Site: published documents as static pages in HTML, without a server, a request to elsewhere, or a need of scripts."""
