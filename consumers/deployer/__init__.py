"""Deployer: bring what was built to life and keep it there."""
