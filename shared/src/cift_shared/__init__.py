"""Code that all CIFT Payments services share; otherwise they communicate only through topics."""
