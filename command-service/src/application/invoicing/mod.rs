//! Invoicing's use cases, one file each. It sees of ordering only what ordering tells it.
