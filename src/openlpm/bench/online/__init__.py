"""What ``openlpm bench online`` measures: streams, beside Base and over hours."""
