// Package gan is a small generative adversarial network (Goodfellow et al. 2014): the game that generative adversarial imitation plays, without an
// environment.
//
//	c := &gan.Config{}                          // eight blobs on a ring; run.Resolve(c), run.Check(c)
//	worker, err := gan.New(ctx, engine, c, nil) // or with images, for Data digits
//
// A discriminator D learns to tell samples of the data from those of a generator G, and G learns to be taken for the data. Replace G's samples by
// what a policy does and the data by demonstrations, and it is GAIL. What goes wrong here goes wrong there: a D that is much faster than G
// leaves it on a few modes of the data.
//
// The training keeps an album: samples from the same noise after every tenth of it. Album reads it from a checkpoint.
//
// Measured: on the ring all eight blobs are covered and 88% of the samples lie within three standard deviations of one (2 seeds); without the penalty
// on D's slope 43% do (1 seed). Digits get an inception score of 6.1 from a classifier that gives real ones 8.0 (1 seed).
package gan
