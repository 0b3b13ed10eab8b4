"""Every line of docs/security.md, held."""
