"""Those who react to the log: workers and folds, each independent of the others."""
