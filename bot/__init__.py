"""The core of Café Socrate: what it promises, free of any vendor."""
