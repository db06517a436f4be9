"""What merchants' programs do: repeat requests until answered, and record every answer."""
