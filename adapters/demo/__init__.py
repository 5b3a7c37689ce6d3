"""The demonstration: two scripted national back ends, the applicant, and the story that they play.

Nothing here imports the broker: it speaks to nodes and to the mock EU node over the network alone.
"""
