"""The store: a port (`base`), and the engines that fulfil it."""
