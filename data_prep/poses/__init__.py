"""Keypoints of people: read from the files that data sets bring, or estimated from pictures."""
