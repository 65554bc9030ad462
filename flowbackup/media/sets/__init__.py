"""Media of limited size: several of them as one device."""
