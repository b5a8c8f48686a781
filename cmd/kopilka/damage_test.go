package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/kopilka/kopilka"
	"github.com/kopilka/kopilka/backup"
	"github.com/kopilka/kopilka/engine"
	"github.com/kopilka/kopilka/outcomes"
	"github.com/kopilka/kopilka/people"
	"github.com/kopilka/kopilka/seed"
	"github.com/kopilka/kopilka/wal"
)

// damageFlips is how many places of a file are flipped, and how many zeroed, in each
// state of a folder; KOPILKA_DAMAGE has more for a long round (make damage).
func damageFlips() int {
	if n, err := strconv.Atoi(os.Getenv("KOPILKA_DAMAGE")); err == nil && n > 0 {
		return n
	}
	return 2
}

// truth is what a folder must answer.
type truth struct {
	state   [32]byte
	seq     kopilka.Seq
	answers map[string]string // by id: position and outcome
	names   map[kopilka.MemberNo]string
}

func truthOf(s *shop, ids []string) (*truth, error) {
	t := &truth{answers: map[string]string{}, names: map[kopilka.MemberNo]string{}}
	var seqs []kopilka.Seq
	s.queue.View(func(b *engine.State) {
		for m := range kopilka.MemberNo(b.Members()) {
			if at, sealed := b.Profile(m); sealed {
				seqs = append(seqs, at)
			}
		}
	})
	var err error
	if t.state, t.seq, err = s.queue.Hash(); err != nil {
		return nil, err
	}
	for _, id := range ids {
		f, err := s.queue.FindID(id)
		if err != nil {
			return nil, err
		}
		t.answers[id] = "none"
		if f.Seq != 0 {
			r, err := s.queue.Record(f.Seq)
			if err != nil {
				return nil, err
			}
			t.answers[id] = fmt.Sprintf("%d %x", f.Seq, r.Outcome.Append(nil))
		}
	}
	for m, at := range seqs {
		r, err := s.queue.Command(at)
		if err != nil {
			return nil, err
		}
		c := r.Command.(*kopilka.PutMember)
		p, err := s.vault.Open(c.KeySlot, c.Profile)
		if err != nil {
			return nil, err
		}
		t.names[kopilka.MemberNo(m)] = p.Name
	}
	return t, nil
}

func (t *truth) same(u *truth) error {
	switch {
	case t.seq != u.seq:
		return fmt.Errorf("it stands at position %d, not at %d", u.seq, t.seq)
	case t.state != u.state:
		return errors.New("its books are others")
	}
	for id, want := range t.answers {
		if got := u.answers[id]; got != want {
			return fmt.Errorf("id %s is answered with %s, not %s", id, got, want)
		}
	}
	for m, want := range t.names {
		if got := u.names[m]; got != want {
			return fmt.Errorf("member %d is %q, not %q", m, got, want)
		}
	}
	return nil
}

// still is a folder at one moment, as a kill or a clean stop left it.
type still struct {
	name string
	dir  string // holds data and data.key
	want *truth
}

func (s *still) data() string { return filepath.Join(s.dir, "data") }

// damagedShop makes folders of one shop at several moments. What is done is the same for
// a seed; the secrets are not.
type damagedShop struct {
	t      *testing.T
	home   string
	name   string
	master []byte // of every folder
	ids    []string
	n      int
	rnd    *rand.Rand
}

func (d *damagedShop) folder() *folder {
	return &folder{dir: filepath.Join(d.home, "live", "data"), epochMax: 64 << 10, testClock: kopilka.TimeOf(time.Date(2026, 3, 2, 11, 0, 0, 0, time.UTC)),
		logger: slog.New(slog.DiscardHandler)}
}

func (d *damagedShop) open() *shop {
	d.t.Helper()
	s, err := d.folder().open()
	if err != nil {
		d.t.Fatal(err)
	}
	return s
}

// trade does so many commands, and in between a member.
func (d *damagedShop) trade(s *shop, commands int) {
	d.t.Helper()
	var cs []kopilka.Command
	for range commands {
		d.n++
		now := s.queue.Now()
		day := s.queue.Calendar().DayOf(now)
		id := fmt.Sprintf("%s-%d", d.name, d.n)
		d.ids = append(d.ids, id)
		if d.n%10 == 1 {
			slot, sealed, err := s.vault.Seal(0, &people.Profile{Name: fmt.Sprintf("Member %d", d.n)})
			if err != nil {
				d.t.Fatal(err)
			}
			c := &kopilka.PutMember{Card: fmt.Sprintf("card-%d", d.n), Registered: day, Referrer: kopilka.NoMember, KeySlot: slot, Profile: sealed}
			c.ID, c.Content, c.Looked = id, 1, s.queue.Seq()
			cs = append(cs, c)
			continue
		}
		c := &kopilka.Receipt{Amount: kopilka.Money(d.rnd.IntN(1_000_000))}
		c.ID, c.Content, c.Looked = id, 1, s.queue.Seq()
		c.Member, c.NamedBy, c.At, c.Day = kopilka.MemberNo(d.rnd.IntN(max(1, d.n/10))), kopilka.ByCard, now, day
		cs = append(cs, c)
	}
	for part := range slices.Chunk(cs, 25) {
		answers, err := s.queue.SubmitAll(part)
		if err != nil {
			d.t.Fatal(err)
		}
		for _, a := range answers {
			if a.Outcome.Refusal != kopilka.Accepted {
				d.t.Fatalf("position %d: %s", a.Seq, a.Outcome.Refusal)
			}
		}
	}
}

// sealIDs puts the ids up to where the books stand on disk, long before they must be.
func (d *damagedShop) sealIDs(s *shop) {
	d.t.Helper()
	runs, err := outcomes.Open(filepath.Join(d.home, "live", "data", "ids"), nil)
	if err != nil {
		d.t.Fatal(err)
	}
	defer runs.Close()
	copied, err := s.queue.LogCopy()
	if err != nil {
		d.t.Fatal(err)
	}
	defer copied.Close()
	_, digest, last := copied.End()
	var pairs []outcomes.Pair
	for _, id := range d.ids {
		key := kopilka.FingerprintID(id)
		f, err := s.queue.FindID(id)
		if err != nil {
			d.t.Fatal(err)
		}
		if f.Seq > runs.Covered() {
			pairs = append(pairs, outcomes.Pair{Key: key, Seq: f.Seq})
		}
	}
	if err := runs.Seal(runs.Covered()+1, last, digest, pairs); err != nil {
		d.t.Fatal(err)
	}
}

// stop copies the folder as a kill at this moment would leave it.
func (d *damagedShop) killed(s *shop, name string) *still {
	d.t.Helper()
	// Nothing is on its way, and the keeper has sealed what it had to.
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		dirs, _ := filepath.Glob(filepath.Join(d.home, "live", "data", "epoch-*[0-9]"))
		tmp, _ := filepath.Glob(filepath.Join(d.home, "live", "data", "*.tmp"))
		if len(dirs) <= 2 && len(tmp) == 0 {
			break
		}
		if time.Now().After(deadline) {
			d.t.Fatalf("epochs wait to be sealed: %v", dirs)
		}
	}
	return d.keep(s, name)
}

func (d *damagedShop) keep(s *shop, name string) *still {
	d.t.Helper()
	x := &still{name: name, dir: filepath.Join(d.home, name)}
	if s != nil {
		var err error
		if x.want, err = truthOf(s, append(slices.Clone(d.ids), "never")); err != nil {
			d.t.Fatal(err)
		}
	}
	if err := copyTree(filepath.Join(d.home, "live"), x.dir, ""); err != nil {
		d.t.Fatal(err)
	}
	return x
}

// history makes the shop and gives its moments: the newest killed and the newest clean
// one, each with what the same files held before.
func (d *damagedShop) history() (moments []*still) {
	d.t.Helper()
	live := filepath.Join(d.home, "live")
	if err := errors.Join(os.MkdirAll(live, 0o755), os.WriteFile(filepath.Join(live, "data.key"), d.master, 0o600)); err != nil {
		d.t.Fatal(err)
	}
	s := d.open()
	d.trade(s, 300)
	x := d.keep(s, "early-killed")
	moments = append(moments, x)
	if err := s.close(); err != nil {
		d.t.Fatal(err)
	}
	clean := d.keep(nil, "early-clean")
	clean.want = x.want
	moments = append(moments, clean)

	s = d.open()
	d.sealIDs(s)
	for range 2 { // so that epochs end and are sealed
		d.trade(s, 700)
		if err := s.queue.Checkpoint(); err != nil {
			d.t.Fatal(err)
		}
	}
	d.sealIDs(s)
	d.trade(s, 60)
	moments = append(moments, d.killed(s, "middle-killed"))
	d.trade(s, 60)
	x = d.killed(s, "killed")
	moments = append(moments, x)
	if err := s.close(); err != nil {
		d.t.Fatal(err)
	}
	clean = d.keep(nil, "clean")
	clean.want = x.want
	return append(moments, clean)
}

// copyTree copies a folder. Files that are never written to are linked, all but one.
func copyTree(from, to, spare string) error {
	return filepath.WalkDir(from, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(from, path)
		into := filepath.Join(to, rel)
		if e.IsDir() {
			return os.MkdirAll(into, 0o755)
		}
		name := e.Name()
		fixed := strings.HasSuffix(name, ".sealed") || strings.HasPrefix(name, "snapshot-") || strings.HasSuffix(name, ".run")
		if fixed && rel != spare {
			return os.Link(path, into)
		}
		return copyHoles(path, into)
	})
}

// contents are files by path, without the zeros at their ends: a folder is copied many
// times.
var contents sync.Map

// content is what a file holds before the zeros at its end, and its size with them.
type content struct {
	bytes []byte
	size  int64
}

// copyHoles copies a file that does not change, and leaves a hole where it ends in zeros.
func copyHoles(from, to string) error {
	c, known := contents.Load(from)
	if !known {
		b, err := os.ReadFile(from)
		if err != nil {
			return err
		}
		c = content{bytes.Clone(bytes.TrimRight(b, "\x00")), int64(len(b))}
		if !strings.Contains(from, "/live/") {
			contents.Store(from, c)
		}
	}
	f, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(c.(content).bytes)
	return errors.Join(err, f.Truncate(c.(content).size), f.Close())
}

// look is what would show that a file was touched.
type look struct {
	size  int64
	inode uint64
	at    time.Time
}

// looks looks at every file of a folder but LOCK, which says who looked last.
func looks(dir string) (map[string]look, error) {
	all := map[string]look{}
	return all, filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || e.Name() == "LOCK" {
			return err
		}
		info, err := e.Info()
		if err == nil {
			all[path] = look{info.Size(), info.Sys().(*syscall.Stat_t).Ino, info.ModTime()}
		}
		return err
	})
}

// age makes every file old, so that whoever writes to one is seen.
func age(dir string) error {
	return filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		old := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
		return os.Chtimes(path, old, old)
	})
}

// harm is one damage to one file of a folder.
type harm struct {
	file string // beneath the folder's parent: data/HEAD, data.key
	what string
	do   func(dir string) error
}

// harms makes up what is done to a still: to every file every kind of damage, files of
// earlier moments, and of another shop.
func harms(t *testing.T, x *still, earlier []*still, other *still, rnd *rand.Rand) (all []harm) {
	t.Helper()
	var names []string
	err := filepath.WalkDir(x.dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			rel, _ := filepath.Rel(x.dir, path)
			names = append(names, rel)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	read := func(dir, name string) []byte {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		return b
	}
	for _, name := range names {
		add := func(what string, spoil func(b []byte) []byte) {
			all = append(all, harm{name, what, func(dir string) error {
				path := filepath.Join(dir, name)
				b, err := os.ReadFile(path)
				if err != nil {
					return err
				}
				return os.WriteFile(path, spoil(b), 0o600)
			}})
		}
		whole := read(x.dir, name)
		used := len(bytes.TrimRight(whole, "\x00"))
		for n := range damageFlips() {
			at, bit, to := rnd.IntN(max(1, used)), byte(1)<<rnd.IntN(8), 1+rnd.IntN(4096)
			if used > 0 {
				if n == 0 {
					at = used - 1
				}
				add(fmt.Sprintf("byte %d flipped by %#x", at, bit), func(b []byte) []byte { b[at] ^= bit; return b })
				at := rnd.IntN(used)
				if end := min(used, at+to); len(bytes.Trim(whole[at:end], "\x00")) > 0 {
					add(fmt.Sprintf("bytes %d to %d zeroed", at, end), func(b []byte) []byte { clear(b[at:end]); return b })
				}
				cut := rnd.IntN(used)
				add(fmt.Sprintf("cut at %d", cut), func(b []byte) []byte { return b[:cut] })
			}
		}
		if used > 0 {
			add("its first byte flipped", func(b []byte) []byte { b[0] ^= 1; return b })
			add("its last byte cut", func(b []byte) []byte { return b[:used-1] })
			add("emptied", func(b []byte) []byte { return nil })
		}
		all = append(all, harm{name, "deleted", func(dir string) error { return os.Remove(filepath.Join(dir, name)) }})
		put := func(what string, b []byte) {
			if b != nil && !bytes.Equal(b, whole) {
				add(what, func([]byte) []byte { return b })
			}
		}
		for _, e := range earlier {
			put("as it was when "+e.name, read(e.dir, name))
		}
		if name != "data.key" {
			put("that of another shop", read(other.dir, name))
		}
		// The next file of its kind, and that one in its place.
		if i := slices.Index(names, name) + 1; i < len(names) && kindOf(names[i]) == kindOf(name) {
			next := names[i]
			all = append(all, harm{name, "exchanged with " + next, func(dir string) error {
				a, b := filepath.Join(dir, name), filepath.Join(dir, next)
				return errors.Join(os.Rename(a, a+"~"), os.Rename(b, a), os.Rename(a+"~", b))
			}})
		}
	}
	return all
}

// kindOf is a file's name without its number.
func kindOf(name string) string {
	if strings.HasSuffix(name, ".run") {
		return "data/ids/run"
	}
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return -1
		}
		return r
	}, name)
}

// suffer does one damage to a copy, and asks: is it refused by name, with nothing changed,
// or is everything there?
func (x *still) suffer(h harm, dir string) (verdict string, err error) {
	if err := copyTree(x.dir, dir, h.file); err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	if err := h.do(dir); err != nil {
		return "", err
	}
	data := filepath.Join(dir, "data")
	if err := age(dir); err != nil {
		return "", err
	}
	before, err := looks(dir)
	if err != nil {
		return "", err
	}
	unchanged := func(after string) error {
		now, err := looks(dir)
		if err != nil {
			return err
		}
		for file, was := range before {
			if now[file] != was {
				return fmt.Errorf("%s changed %s", after, file)
			}
		}
		if len(now) != len(before) {
			return fmt.Errorf("%s: files came or went", after)
		}
		return nil
	}
	named := func(err error) error {
		base := filepath.Base(h.file)
		if dir := filepath.Base(filepath.Dir(h.file)); strings.HasPrefix(dir, "epoch-") || dir == "ids" {
			base = dir // Badger's files are the epoch's
		}
		if !strings.Contains(err.Error(), base) && !strings.Contains(err.Error(), data) {
			return fmt.Errorf("it is refused without a name: %w", err)
		}
		return nil
	}
	said := verify(io.Discard, data, "", "")
	if err := unchanged("verify"); err != nil {
		return "", err
	}
	if said != nil {
		if err := named(said); err != nil {
			return "", fmt.Errorf("verify: %w", err)
		}
	}
	f := folder{dir: data, testClock: kopilka.TimeOf(time.Date(2026, 3, 2, 11, 0, 0, 0, time.UTC)), logger: slog.New(slog.DiscardHandler)}
	s, refused := f.open()
	if refused != nil {
		if err := unchanged("a start that was refused"); err != nil {
			return "", fmt.Errorf("%w (%w)", err, refused)
		}
		if said == nil && h.file != "data.key" { // without which verify proves what it can
			return "", fmt.Errorf("a start is refused, and verify finds nothing: %w", refused)
		}
		return "refused", named(refused)
	}
	have, err := truthOf(s, append(slices.Sorted(maps.Keys(x.want.answers)), "never"))
	if err != nil {
		return "named when it is read", errors.Join(named(err), s.close())
	}
	if err := errors.Join(x.want.same(have), s.close()); err != nil {
		return "", fmt.Errorf("it is served wrong: %w (verify says: %v)", err, said)
	}
	if said != nil {
		return "all there, and verify warns", nil
	}
	return "all there", nil
}

// TestDamageAtRest damages folders of every kind of file, one file at a time.
func TestDamageAtRest(t *testing.T) {
	t.Parallel()
	seed := seed.Of(t)
	master := []byte("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n")
	ours := &damagedShop{t: t, name: "ours", home: filepath.Join(t.TempDir(), "ours"), master: master, rnd: rand.New(rand.NewPCG(seed, 1))}
	theirs := &damagedShop{t: t, name: "theirs", home: filepath.Join(t.TempDir(), "theirs"), master: master, rnd: rand.New(rand.NewPCG(seed, 1))}
	moments, others := ours.history(), theirs.history()
	rnd := rand.New(rand.NewPCG(seed, 2))
	type trial struct {
		x *still
		h harm
	}
	var trials []trial
	for i, x := range moments {
		if x.name != "killed" && x.name != "clean" {
			continue
		}
		for _, h := range harms(t, x, moments[:i], others[i], rnd) {
			trials = append(trials, trial{x, h})
		}
	}
	verdicts := map[string]int{}
	kinds := map[string]int{}
	var mu sync.Mutex
	var hands sync.WaitGroup
	next := make(chan int)
	for range runtime.GOMAXPROCS(0) {
		hands.Go(func() {
			for i := range next {
				c := trials[i]
				verdict, err := c.x.suffer(c.h, filepath.Join(ours.home, "trials", fmt.Sprint(i)))
				mu.Lock()
				if err != nil {
					t.Errorf("KOPILKA_SEED=%d: %s, %s %s: %v", seed, c.x.name, c.h.file, c.h.what, err)
				}
				verdicts[verdict]++
				kinds[kindOf(c.h.file)]++
				mu.Unlock()
			}
		})
	}
	for i := range trials {
		next <- i
	}
	close(next)
	hands.Wait()
	t.Logf("seed %d: %d cases: %v; by file %v", seed, len(trials), verdicts, kinds)
	for _, kind := range []string{"data/FORMAT", "data/HEAD", "data/CLEAN", "data/LOCK", "data/people.keys", "data.key", "data/epoch-.sealed", "data/snapshot-",
		"data/epoch-/.mem", "data/epoch-/.vlog", "data/epoch-/.sst", "data/epoch-/MANIFEST", "data/epoch-/KEYREGISTRY", "data/epoch-/DISCARD", "data/ids/run"} {
		if kinds[kind] == 0 {
			t.Errorf("there was no file of the kind %s", kind)
		}
	}
	if len(trials) < 300 {
		t.Errorf("%d cases: too few", len(trials))
	}
}

// TestDamagedBackup damages backups, and mixes two.
func TestDamagedBackup(t *testing.T) {
	t.Parallel()
	seed := seed.Of(t)
	rnd := rand.New(rand.NewPCG(seed, 3))
	home := t.TempDir()
	d := &damagedShop{t: t, home: home, master: []byte("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"), rnd: rand.New(rand.NewPCG(seed, 1))}
	moments := d.history()
	backupOf := func(x *still) []byte {
		log, err := wal.CopyOf(x.data())
		if err != nil {
			t.Fatal(err)
		}
		defer log.Close()
		var b bytes.Buffer
		err = backup.Write(&b, backup.Source{Log: log, Keys: func(w io.Writer) error { return people.Copy(x.data(), w) }}, backup.KeysWithin)
		if err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	whole, older := backupOf(moments[4]), backupOf(moments[2])
	into := filepath.Join(home, "into", "data")
	restored := 0
	restore := func(b []byte) error {
		return backup.Restore(bytes.NewReader(b), into, backup.Options{Proved: func(p *backup.Proof) error {
			restored++
			return nil
		}})
	}
	refused := func(what string, b []byte) {
		t.Helper()
		err := restore(b)
		if err == nil || !errors.Is(err, backup.ErrDamaged) && !errors.Is(err, backup.ErrNewer) {
			t.Errorf("KOPILKA_SEED=%d: a backup %s: %v", seed, what, err)
		}
		left, _ := filepath.Glob(filepath.Join(home, "into", "*"))
		if len(left) > 0 {
			t.Fatalf("KOPILKA_SEED=%d: a backup %s leaves %v", seed, what, left)
		}
	}
	cases := 20 * damageFlips()
	for range cases {
		at := rnd.IntN(len(whole))
		b := bytes.Clone(whole)
		b[at] ^= 1 << rnd.IntN(8)
		refused(fmt.Sprintf("with byte %d flipped", at), b)
		refused(fmt.Sprintf("cut at %d", at), whole[:at])
	}
	// Sections of two backups, mixed: each of them is whole by itself.
	a, b := sections(t, whole), sections(t, older)
	for i := range min(len(a), len(b)) {
		mixed := slices.Clone(a)
		if bytes.Equal(mixed[i], b[i]) {
			continue
		}
		mixed[i] = b[i]
		refused(fmt.Sprintf("with section %d of another", i), slices.Concat(mixed...))
	}
	for i := range a {
		refused(fmt.Sprintf("without section %d", i), slices.Concat(slices.Delete(slices.Clone(a), i, i+1)...))
		refused(fmt.Sprintf("with section %d twice", i), slices.Concat(slices.Insert(slices.Clone(a), i, a[i])...))
		if i+1 < len(a) {
			mixed := slices.Clone(a)
			mixed[i], mixed[i+1] = a[i+1], a[i]
			refused(fmt.Sprintf("with sections %d and %d exchanged", i, i+1), slices.Concat(mixed...))
		}
	}
	if restored != 0 {
		t.Fatalf("%d were taken for whole", restored)
	}
	if err := restore(whole); err != nil {
		t.Fatal(err)
	}
}

// sections cuts a backup into its beginning, its sections, and its close.
func sections(t *testing.T, b []byte) (all [][]byte) {
	t.Helper()
	le := func(b []byte) int { return int(b[0]) | int(b[1])<<8 | int(b[2])<<16 | int(b[3])<<24 }
	at := 8
	all = append(all, b[:at])
	for b[at] == 'S' {
		from := at
		at += 3 + int(b[at+1]) + int(b[at+2])<<8
		for b[at] == 'C' {
			at += 13 + le(b[at+1:])
		}
		if b[at] != 'E' {
			t.Fatalf("at byte %d of a backup: %q", at, b[at])
		}
		at += 1 + 8 + 32
		all = append(all, b[from:at])
	}
	return append(all, b[at:])
}

// TestForgedSnapshot: a snapshot that is whole in itself and stands on the chain, and
// whose books are not those that the log has led to, is found by verify.
func TestForgedSnapshot(t *testing.T) {
	t.Parallel()
	d := &damagedShop{t: t, name: "ours", home: t.TempDir(), master: []byte("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"), rnd: rand.New(rand.NewPCG(1, 1))}
	live := filepath.Join(d.home, "live")
	if err := errors.Join(os.MkdirAll(live, 0o755), os.WriteFile(filepath.Join(live, "data.key"), d.master, 0o600)); err != nil {
		t.Fatal(err)
	}
	s := d.open()
	d.trade(s, 50)
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(live, "data")
	if err := verify(io.Discard, data, "", ""); err != nil {
		t.Fatal(err)
	}
	all, err := filepath.Glob(filepath.Join(data, "snapshot-*"))
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	b, err := os.ReadFile(all[0])
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(b, []byte(`"Receipts":`)) + len(`"Receipts":`)
	b[at]++ // ten receipts more, or a thousand: as many digits as before
	sum := sha256.Sum256(b[:len(b)-sha256.Size])
	copy(b[len(b)-sha256.Size:], sum[:])
	if err := os.WriteFile(all[0], b, 0o600); err != nil {
		t.Fatal(err)
	}
	err = verify(io.Discard, data, "", "")
	if err == nil || !strings.Contains(err.Error(), all[0]+" is damaged: its books are not those that the log leads to") {
		t.Fatal(err)
	}
}
