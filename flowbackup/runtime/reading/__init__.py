"""Frames back from media, whichever copy is good; restore and cat."""
