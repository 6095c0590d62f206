package run

import (
	"context"
	"sync"
	"time"
)

// Array is one named tensor on the host, as it stands in a checkpoint.
type Array struct {
	// Name is unique within one state, for example "policy/w0".
	Name string
	// DType is "float32", "float64", "int32", "int64", "uint8", "uint32",
	// "uint64" or "bool" (one byte each).
	DType string
	// Dims is the shape; empty for a scalar.
	Dims []int
	// Data holds the elements in row-major order, little endian.
	Data []byte
}

// Row is one line of metrics.jsonl: the numbers of one iteration of one seed.
type Row struct {
	Seed      int64 `json:"seed"`
	Iteration int   `json:"iteration"`
	// Steps counts the interactions with the environment so far.
	Steps int64 `json:"steps"`
	// Seconds of training so far. It is the one field that differs between two
	// runs of the same configuration.
	Seconds float64            `json:"seconds"`
	Values  map[string]float64 `json:"values"`
}

// Report says what one call of [Trainer.Step] did. Rows need Iteration, Steps
// and Values; the run fills in Seed and Seconds. A report may hold no rows,
// for a trainer that logs less often than it steps.
type Report struct {
	Rows []Row
	// Iteration is the number of iterations done so far, Total the number at
	// which training ends.
	Iteration, Total int
	// Steps counts the interactions with the environment so far.
	Steps int64
}

// Trainer is one seed's training, advanced a chunk at a time.
type Trainer interface {
	// Step trains for one chunk. Training is over when the report's Iteration
	// equals its Total. If ctx ends meanwhile, Step may stop after any whole
	// iteration and report what it did with a nil error; after an error the
	// state is taken to be lost and is not saved.
	Step(ctx context.Context) (Report, error)
	// State returns everything that the rest of the training depends on, random
	// number generators included, so that a trainer made from it goes on bit for
	// bit as this one would.
	State() ([]Array, error)
	// Evaluate returns held-out numbers. It draws from its own seed stream and
	// leaves State as it was.
	Evaluate(ctx context.Context) (map[string]float64, error)
}

// Worker owns one engine and the programs compiled on it. It makes trainers
// for one seed after another, never two at a time.
type Worker interface {
	// Trainer starts the training of one seed, from the beginning if state is
	// nil, else from what [Trainer.State] returned.
	Trainer(ctx context.Context, seed int64, state []Array) (Trainer, error)
	Info() Info
	Close() error
}

// Info describes a worker.
type Info struct {
	// Engine names what runs the programs, for example "xla:cpu" or "go". A run
	// resumes only on the engine it was started with, because results are
	// bit-identical only there.
	Engine string
	// Devices names the devices in use, for people to read.
	Devices []string
	// CompileSeconds is the time spent compiling so far.
	CompileSeconds float64
}

// Score turns one seed's run into the one number that runs are compared by.
type Score struct {
	Name string
	// Of gets the rows of one seed in order, and its evaluation (nil when the
	// training was interrupted before it).
	Of func(rows []Row, eval map[string]float64) (float64, error)
}

// Watcher follows a training: a progress bar, a live plot. Calls are serial.
type Watcher interface {
	// Rows gets the new rows of one seed, and how many iterations of how many are
	// done over all seeds. The first call has no rows and says where the run
	// starts; its total is 0 if that is not known yet.
	Rows(rows []Row, done, total int)
}

// Job says what to train and how. Preset, Config, Seeds, Open and Score are
// needed; the zero value of every other field means its default.
type Job struct {
	// Preset and Algorithm are names that are kept in config.json.
	Preset, Algorithm string
	// Config points to a configuration struct, see [Resolve].
	Config any
	// Seeds are trained side by side, one trainer each. They must differ.
	Seeds []int64
	// Workers is the number of engines side by side. 0: one per core. Never more
	// than there are seeds.
	Workers int
	// CheckpointEvery is the training time between two checkpoints of a seed.
	// 0: two seconds. It is stretched where saving would take more than 5% of the
	// training time. There is always one at the end and one at an interruption.
	CheckpointEvery time.Duration
	// CheckpointIterations also saves a checkpoint after so many iterations.
	// 0: by time alone.
	CheckpointIterations int
	// Resume continues the run in the folder if there is one.
	Resume bool
	// Replace throws away the run in the folder, if there is one, once a worker
	// has opened for the new one.
	Replace bool
	// Open makes worker number 0, 1, ... Every worker is opened, used and closed
	// on one goroutine, but for number 0 of a job that replaces a run, which Train
	// opens before. Its errors are passed on as they are.
	Open func(ctx context.Context, worker int) (Worker, error)
	// Score is computed for every seed and summarised over the seeds.
	Score Score
	// Watch follows the training.
	Watch []Watcher
	// Log gets the few sentences that a person should see, such as "the newest
	// checkpoint is damaged, the one before it is used". Nil: they are dropped.
	Log func(message string)
}

// OpenOptions go to [Preset.Open].
type OpenOptions struct {
	// Worker is the number of this worker, Workers how many there will be.
	Worker, Workers int
	// Log gets sentences for people, such as the progress of a download. It may
	// be nil, and may be called from anywhere.
	Log func(message string)
}

// Preset is one line of a table of things that can be trained.
type Preset struct {
	Name, Algorithm string
	// Summary is one sentence, for lists.
	Summary string
	Score   Score
	// New returns a pointer to a fresh configuration with the preset's values
	// filled in.
	New func() any
	// ConfigSource is the Go source in which the configuration struct is
	// declared; its comments become the help text, see [Help].
	ConfigSource string
	// Open opens an engine and compiles the programs for cfg, which points to the
	// type that New returns and has been resolved and checked.
	Open func(ctx context.Context, cfg any, opt OpenOptions) (Worker, error)
}

// Job returns the job that trains this preset with the given configuration on
// the given seeds. Workers and log are as in [Job]; log is never called twice at
// a time.
func (p Preset) Job(cfg any, seeds []int64, workers int, log func(string)) Job {
	if user := log; user != nil {
		var mu sync.Mutex
		log = func(message string) {
			mu.Lock()
			defer mu.Unlock()
			user(message)
		}
	}
	opt := OpenOptions{Workers: workerCount(workers, len(seeds)), Log: log}
	return Job{
		Preset: p.Name, Algorithm: p.Algorithm, Config: cfg, Seeds: seeds, Score: p.Score,
		Workers: opt.Workers, Log: log,
		Open: func(ctx context.Context, worker int) (Worker, error) {
			opt := opt
			opt.Worker = worker
			return p.Open(ctx, cfg, opt)
		},
	}
}
