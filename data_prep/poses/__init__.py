"""Keypoints of people, estimated from pictures."""
