"""Hand runs on to other programs: JSON Lines, JUnit XML, MLflow."""
