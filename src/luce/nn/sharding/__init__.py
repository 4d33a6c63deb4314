"""Classes split over the processes of a group: what `ShardedSoftmax` is made of.

Every process holds the same rows and some of the classes. What has one value for all classes (a
loss, a normaliser) is held by every process alike: it is replicated.
"""
