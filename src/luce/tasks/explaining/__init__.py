"""Why a model answers as it does, and what would change its answer; one row at a time.

``effects`` takes the lead of a class apart into what each feature adds; ``lines`` follows the
probabilities along one feature; ``flips`` finds the smallest change of one feature, or one word,
that changes the answer; ``nearest`` the smallest change of all pixels together.
"""
