"""How sound is read, checked, cut and described. Code only: no sound lives here."""
