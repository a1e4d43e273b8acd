"""`pushline state`: any fold at any moment, and what two moments differ in."""
