"""What a recording notices about its inputs: frames that never came, microphones that are silent, clipped or doubled."""
