"""What the platform before this one got wrong, and which tests show that it is right here."""
