"""What all trainings share: the folder that one is taken up from, and the record that it leaves."""
