"""What the board's modules call, one class a subject: files, system, line, KPU, pictures."""
