"""Engine: what a worker does, from a job to the records it makes."""
