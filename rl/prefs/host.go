package prefs

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rewardlab/rewardlab/rl/backend"
	"github.com/rewardlab/rewardlab/rl/loop"
	"github.com/rewardlab/rewardlab/rl/ppo"
	"github.com/rewardlab/rewardlab/rl/rollout"
)

// host is what a training needs where somebody outside the compiled programs answers.
type host struct {
	Options
	p      *prefs
	choose *loop.Func[question, chosen]
	put    *loop.Func[filing, stored]
	scenes *loop.Loop[rollout.Walk, sight, view] // nil without Frames
	filed  []string                              // IDs of what Data holds, in its order; nil: not known yet
	resume bool
	own    bool  // the book is nobody else's: each training begins an empty one
	desk   *desk // nil: the training waits for answers
	task   string
}

type (
	chosen struct {
		Key   *Node
		Picks picks
	}
	filing struct {
		Key              *Node
		Eyes             eyes
		Data             Data
		Rows, Prefer, OK *Node
	}
	sight struct {
		Mind   rollout.Mind
		Action *Node // [T, N, ...]
	}
	view struct{ State *Node }
)

func newHost(b *backend.Engine, p *prefs, o Options) (*host, error) {
	if o.Background && (o.Book == nil || o.Gatherer == nil) {
		return nil, errors.New("answers in the background need a gatherer, and a book that it keeps them in: give both")
	}
	h := &host{Options: o, p: p, task: o.Task, own: o.Book == nil}
	if h.task == "" {
		h.task = "Which clip is better?"
	}
	var err1, err2, err3 error
	h.choose, err1 = loop.NewFunc(b.Backend, "prefs: queries", func(in question) chosen {
		key, picked := p.choose(in.Key, in.Eyes, in.Replay, in.N)
		return chosen{key, picked}
	})
	h.put, err2 = loop.NewFunc(b.Backend, "prefs: answers", func(in filing) stored {
		key, data, foreseen := p.store(in.Key, in.Eyes, in.Data, in.Rows, in.Prefer, in.OK)
		return stored{key, data, foreseen}
	})
	if o.Frames {
		p.frame = p.agent.Vector.Spec().State
		h.scenes, err3 = loop.New(b.Backend, "prefs: scenes", p.Steps, h.scene)
	}
	return h, errors.Join(err1, err2, err3)
}

// scene is one step of the rollout once more, by the actions that it took, to see the states that it went through.
func (h *host) scene(i *Node, w rollout.Walk, c sight) (rollout.Walk, view) {
	v := h.p.agent.Vector
	key, _ := h.p.agent.Act(c.Mind, v.Observe(w.Env)).Sample(w.Key) // uses up the random numbers that the policy used
	action := Squeeze(Gather(c.Action, Reshape(i, 1, 1)), 0)
	key, next, _ := v.Step(key, w.Env, action)
	return rollout.Walk{Env: next, Key: key}, view{w.Env}
}

// scene is a copy of where the environments stand, if somebody wants pictures.
func (l *learner) scene(h *hand) (loop.Values[rollout.Walk], error) {
	if l.host == nil || !l.host.Frames {
		return loop.Values[rollout.Walk]{}, nil
	}
	var copies []*tensors.Tensor
	for _, name := range []string{"Walk.Env", "Walk.Key"} {
		c, err := h.policy.Get(name).LocalClone()
		if err != nil {
			return loop.Values[rollout.Walk]{}, fmt.Errorf("copy of %s: %w", name, err)
		}
		copies = append(copies, c)
	}
	return loop.Pack[rollout.Walk](copies...)
}

// watch gives the states of a trajectory [T, N, V] that began at before, which it consumes.
func (h *host) watch(ctx context.Context, before loop.Values[rollout.Walk], policy loop.Values[ppo.State], steps loop.Values[rollout.Steps]) (*tensors.Tensor, error) {
	mind, err := rollout.MindIn(policy, "")
	if err != nil {
		return nil, err
	}
	c, err := loop.Join[sight](mind, loop.Leaf{T: steps.Get("Action")})
	if err != nil {
		return nil, err
	}
	after, seen, err := h.scenes.Run(ctx, 0, h.p.Steps, before, c)
	if err != nil {
		return nil, err
	}
	return seen.Get("State"), after.Close()
}

// begin is called when a training begins or goes on.
func (h *host) begin(resume bool) {
	h.filed, h.resume = nil, resume
	if h.own {
		h.Book = NewBook()
	}
	if h.desk != nil {
		h.desk.close()
		h.desk = nil
	}
	if h.Background {
		h.desk = newDesk(h.Gatherer, h.Book)
	}
}

func (h *host) close() {
	if h.desk != nil {
		h.desk.close()
	}
	h.choose.Close()
	h.put.Close()
	h.scenes.Close()
}

// consult puts the queries of round r if it is due, and learns from answers that are new. It says whether there were any.
func (l *learner) consult(ctx context.Context, s *hand, i, r int, due bool, log *diary) (bool, error) {
	h := l.host
	if due && h.Gatherer != nil {
		if err := l.put(ctx, s, r); err != nil {
			return false, err
		}
	}
	if h.desk != nil && i == l.Iterations()-1 {
		defer h.desk.stop()
	}
	fresh, err := l.file(ctx, s, log)
	if err != nil {
		return false, err
	}
	if i == 0 {
		if n, err := s.count(); err != nil || n == 0 {
			return false, errors.Join(err, errors.New("there is not one answer to begin with: answer a question or two, or name a file that has answers"))
		}
	}
	if !fresh && (h.Gatherer != nil || !due) {
		return false, nil
	}
	rounds := l.Fit
	if i == 0 {
		rounds *= l.Warmup
	}
	return true, l.refit(ctx, s, rounds, log)
}

// put puts the queries of round r to the gatherer.
func (l *learner) put(ctx context.Context, s *hand, r int) error {
	h := l.host
	want := 0
	for _, n := range l.plan()[:r+1] {
		want += n
	}
	if h.desk != nil {
		if err := h.desk.await(ctx, l.plan()[r]); err != nil { // those of the round before may be open
			return err
		}
		want -= h.desk.open()
	}
	n := min(want-len(h.Book.Records()), l.most)
	if n <= 0 {
		return nil
	}
	queries, err := l.unanswered(ctx, s, n)
	if err != nil {
		return err
	}
	if h.desk != nil {
		h.desk.add(queries)
		if r == 0 { // there is nothing to learn for before the first answers
			return h.desk.await(ctx, 0)
		}
		return nil
	}
	answers, err := h.Gatherer.Ask(ctx, queries)
	if len(answers) > len(queries) {
		return fmt.Errorf("%d answers to %d queries: a gatherer answers each once", len(answers), len(queries))
	}
	for i, a := range answers {
		if kept := h.Book.Keep(queries[i], a); kept != nil {
			return errors.Join(err, kept)
		}
	}
	switch {
	case errors.Is(err, ErrStopped):
		h.Gatherer = nil // the training goes on with what there is
		return nil
	case err != nil:
		return fmt.Errorf("asking which clip is better: %w", err)
	case len(answers) != len(queries):
		return fmt.Errorf("%d answers to %d queries: a gatherer answers each, with Skip where it cannot tell", len(answers), len(queries))
	}
	return nil
}

// unanswered chooses n queries that the book has no answer to. A training that begins again, after a killed kernel, comes to the same clips first.
func (l *learner) unanswered(ctx context.Context, s *hand, n int) (out []Query, _ error) {
	const tries = 4
	taken, known := map[string]bool{}, 0
	for try := 0; try < tries && len(out) < n; try++ {
		queries, err := l.queriesOf(ctx, s, min(n-len(out)+known, l.most)) // the best of them are those that are known
		if err != nil {
			return nil, err
		}
		for _, q := range queries {
			if l.host.Book.has(q.ID) || taken[q.ID] {
				known++
			} else if len(out) < n {
				taken[q.ID] = true
				out = append(out, q)
			}
		}
	}
	return out, nil
}

// queriesOf chooses n queries and brings their clips to the host.
func (l *learner) queriesOf(ctx context.Context, s *hand, n int) ([]Query, error) {
	h := l.host
	number := loop.Leaf{T: tensors.FromValue(float32(n))}
	defer func() { _ = number.T.FinalizeAll() }()
	in, err := loop.Join[question](s.key, s.theta, s.seen, s.replay, s.data, number)
	if err != nil {
		return nil, err
	}
	out, err := h.choose.Call(ctx, in)
	if err != nil {
		return nil, err
	}
	if err := swapLeaf(&s.key, out.Get("Key")); err != nil {
		return nil, err
	}
	var host [3][]float32
	for i, name := range []string{"Picks.Rows", "Picks.State", "Picks.OK"} {
		if host[i], err = read(name, out.Get(name)); err != nil {
			return nil, err
		}
	}
	if err := out.Get("Picks.Reward").FinalizeAll(); err != nil {
		return nil, err
	}
	k, clip, width := l.Compare, l.ClipSteps, l.model.width()
	var queries []Query
	for q, ok := range host[2] {
		if ok == 0 {
			break
		}
		clips := make([]Fragment, k)
		for j := range clips {
			at := q*k + j
			clips[j] = l.model.fragment(host[0][at*clip*width : (at+1)*clip*width])
			clips[j].Text = Describe(clips[j])
			if h.Frames {
				for t := range clip {
					from := (at*clip + t) * l.frame
					if f := l.agent.Vector.Frame(host[1][from : from+l.frame]); f != nil {
						clips[j].Frames = append(clips[j].Frames, f)
					}
				}
			}
		}
		queries = append(queries, NewQuery(h.task, clips...))
	}
	return queries, nil
}

// file brings Data up to what the book holds, and says whether that was anything new.
func (l *learner) file(ctx context.Context, s *hand, log *diary) (bool, error) {
	h := l.host
	var usable []Record
	for _, r := range h.Book.Records() {
		if r.Answer.Skip {
			continue
		}
		if err := l.fits(r); err != nil {
			return false, err
		}
		usable = append(usable, r)
	}
	if len(usable) > l.queries() {
		return false, fmt.Errorf("there are %d answers, labels pays for %d: set labels=%d", len(usable), l.queries(), len(usable)*Cost(l.Compare))
	}
	count, err := s.count()
	if err != nil {
		return false, err
	}
	if h.filed == nil {
		if h.resume && count > 0 && len(usable) == 0 {
			return false, errors.New("the answers of this run were kept in memory alone: to resume one, keep them in a file")
		}
		for _, r := range usable[:min(count, len(usable))] {
			h.filed = append(h.filed, r.Query.ID)
		}
		if count > len(usable) {
			h.filed = make([]string, count) // some were taken back: file them all again
		}
	}
	same := len(h.filed) <= len(usable)
	for i := 0; same && i < len(h.filed); i++ {
		same = h.filed[i] == usable[i].Query.ID
	}
	if same && len(h.filed) == len(usable) {
		return false, nil
	}
	if !same {
		h.filed = nil
		if err := s.data.Get("Count").FinalizeAll(); err != nil {
			return false, err
		}
		ts := s.data.Tensors()
		ts[len(ts)-1] = tensors.FromValue(float32(0))
		if s.data, err = loop.Pack[Data](ts...); err != nil {
			return false, err
		}
	}
	for at := len(h.filed); at < len(usable); at += l.most {
		part := usable[at:min(at+l.most, len(usable))]
		if err := l.fileSome(ctx, s, part, log); err != nil {
			return false, err
		}
		for _, r := range part {
			h.filed = append(h.filed, r.Query.ID)
		}
	}
	return true, nil
}

// fits says what is wrong with a record for this training, if anything is.
func (l *learner) fits(r Record) error {
	if len(r.Query.Clips) != l.Compare {
		return fmt.Errorf("the answer to query %s is about %d clips, compare is %d: set compare=%d, or use another file", r.Query.ID, len(r.Query.Clips), l.Compare, len(r.Query.Clips))
	}
	for _, c := range r.Query.Clips {
		if err := l.fitsClip(c); err != nil {
			return fmt.Errorf("the answer to query %s: %w, or use another file", r.Query.ID, err)
		}
	}
	return nil
}

func (p *prefs) fitsClip(c Fragment) error {
	size := p.model.spec.ObsSize()
	switch {
	case c.Env != p.model.spec.Name:
		return fmt.Errorf("a clip is about %s, the training about %s: set env=%[1]s", c.Env, p.model.spec.Name)
	case c.Steps != p.ClipSteps:
		return fmt.Errorf("a clip has %d steps, clip_steps is %d: set clip_steps=%d", c.Steps, p.ClipSteps, c.Steps)
	case len(c.Obs) != c.Steps*size || len(c.Next) != c.Steps*size || len(c.Action) != c.Steps*max(p.model.spec.Action.Dim, 1):
		return fmt.Errorf("a clip has observations or actions of another size than %s has: make it again", c.Env)
	}
	return nil
}

// fileSome stores up to l.most records.
func (l *learner) fileSome(ctx context.Context, s *hand, part []Record, log *diary) error {
	k, clip, width := l.Compare, l.ClipSteps, l.model.width()
	rows, prefer, ok := make([]float32, l.most*k*clip*width), make([]float32, l.most*k*k), make([]float32, l.most)
	for i, r := range part {
		for j, c := range r.Query.Clips {
			l.model.unfold(c, rows[(i*k+j)*clip*width:(i*k+j+1)*clip*width])
		}
		copy(prefer[i*k*k:], r.Answer.prefer(k))
		ok[i] = 1
	}
	x := tensors.FromFlatDataAndDimensions(rows, l.most, k, clip, width)
	in, err := loop.Join[filing](s.key, s.theta, s.seen, s.data, loop.Leaf{T: x},
		loop.Leaf{T: tensors.FromFlatDataAndDimensions(prefer, l.most, k, k)}, loop.Leaf{T: tensors.FromValue(ok)})
	if err != nil {
		return err
	}
	out, err := l.host.put.Call(ctx, in)
	if err != nil {
		return err
	}
	return errors.Join(swap(&s.data, out, "Data"), swapLeaf(&s.key, out.Get("Key")), log.share("pairs/foreseen", out.Get("Foreseen")), x.FinalizeAll())
}

// fragment is a clip of rows, unfold the way back.
func (m model) fragment(rows []float32) Fragment {
	size, actions, width := m.spec.ObsSize(), m.actions(), m.width()
	f := Fragment{Env: m.spec.Name, Steps: len(rows) / width}
	for t := range f.Steps {
		row := rows[t*width : (t+1)*width]
		f.Obs, f.Next = append(f.Obs, row[:size]...), append(f.Next, row[size+actions:]...)
		a := row[size : size+actions]
		if m.spec.Action.Discrete() {
			for i, x := range a {
				if x == 1 {
					f.Action = append(f.Action, float32(i))
				}
			}
			continue
		}
		for _, x := range a {
			f.Action = append(f.Action, float32(m.spec.Action.Low+(float64(x)+1)/2*(m.spec.Action.High-m.spec.Action.Low)))
		}
	}
	return f
}

func (m model) unfold(f Fragment, rows []float32) {
	size, actions, width := m.spec.ObsSize(), m.actions(), m.width()
	dim := max(m.spec.Action.Dim, 1)
	for t := range f.Steps {
		row := rows[t*width : (t+1)*width]
		copy(row, f.Obs[t*size:(t+1)*size])
		copy(row[size+actions:], f.Next[t*size:(t+1)*size])
		for i, x := range f.Action[t*dim : (t+1)*dim] {
			if m.spec.Action.Discrete() {
				row[size+min(max(int(x), 0), actions-1)] = 1
				continue
			}
			row[size+i] = float32(2*(float64(x)-m.spec.Action.Low)/(m.spec.Action.High-m.spec.Action.Low) - 1)
		}
	}
}

// desk puts queries to a gatherer while the training goes on.
type desk struct {
	g      Gatherer
	book   *Book
	cancel context.CancelFunc
	done   chan struct{}

	mu      sync.Mutex
	queue   []Query
	asked   []Query // being asked now
	stopped error
	news    chan struct{}
}

func newDesk(g Gatherer, book *Book) *desk {
	ctx, cancel := context.WithCancel(context.Background())
	d := &desk{g: g, book: book, cancel: cancel, done: make(chan struct{}), news: make(chan struct{}, 1)}
	go d.serve(ctx)
	return d
}

func (d *desk) serve(ctx context.Context) {
	defer close(d.done)
	for {
		d.mu.Lock()
		batch := d.queue
		d.queue, d.asked = nil, batch
		d.mu.Unlock()
		if len(batch) == 0 {
			select {
			case <-ctx.Done():
				return
			case <-d.news:
			}
			continue
		}
		_, err := d.g.Ask(ctx, batch)
		d.mu.Lock()
		d.asked = nil
		if err != nil {
			d.stopped = err
			d.mu.Unlock()
			return
		}
		d.mu.Unlock()
	}
}

func (d *desk) add(q []Query) {
	d.mu.Lock()
	d.queue = append(d.queue, q...)
	d.mu.Unlock()
	select {
	case d.news <- struct{}{}:
	default:
	}
}

// open is how many queries wait for an answer.
func (d *desk) open() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := len(d.queue)
	for _, q := range d.asked {
		if !d.book.has(q.ID) {
			n++
		}
	}
	return n
}

// await waits until at most n queries are open, or until the gatherer has stopped.
func (d *desk) await(ctx context.Context, n int) error {
	for {
		d.mu.Lock()
		err := d.stopped
		d.mu.Unlock()
		switch {
		case errors.Is(err, ErrStopped):
			return nil
		case err != nil:
			return fmt.Errorf("asking which clip is better: %w", err)
		case d.open() <= n:
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-d.done:
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// stop ends the asking, close also waits for the gatherer.
func (d *desk) stop() { d.cancel() }

func (d *desk) close() {
	d.cancel()
	<-d.done
}
