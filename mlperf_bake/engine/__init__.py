"""The container engine: finding it, installing it, its bases, secrets, disk and emulation.

Everything that talks to a daemon, a package manager or the kernel is in here or in ``build`` and ``run``;
planning never imports this package.
"""
