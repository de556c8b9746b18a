"""How sound, embeddings and systems are judged."""
