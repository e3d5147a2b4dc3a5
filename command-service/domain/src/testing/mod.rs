//! Given / when / then, mothers and builders.
