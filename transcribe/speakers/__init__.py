"""Who said it: voices on shared microphones, words that another microphone hears better, known voices."""
