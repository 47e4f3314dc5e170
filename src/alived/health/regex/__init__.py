"""Regular expressions of PCRE2 in a time that is linear in what they search, whatever they are and whatever it is."""
