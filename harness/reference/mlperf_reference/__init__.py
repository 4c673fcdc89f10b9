"""A reference implementation of mlcommons/inference behind this project's image and result contracts."""
