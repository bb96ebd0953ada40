"""Writing firmware and models to a K210's flash chip with kflash, as a subprocess with a limit."""
