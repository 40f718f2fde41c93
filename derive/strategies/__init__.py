"""The ways in which a gradient can be told, each derived and checked step by step."""
