"""MTN MoMo in Uganda and Rwanda, described for the rest of the platform, without I/O."""
