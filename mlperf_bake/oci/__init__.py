"""Images as bytes: OCI layouts, what is in their layers, what differs between two, what should not be in one."""
