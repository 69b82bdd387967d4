"""Dense networks of arrays: forward pass, loss, solvers."""
