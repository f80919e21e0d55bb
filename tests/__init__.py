"""The promises, each as a test."""
