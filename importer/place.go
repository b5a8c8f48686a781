package importer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// place is how far an import has come, in a small file. It is believed only when
// it is of this file, these options and these books, and the books have the last
// id that it names: rows go in in order, so they have all before it too. In
// any other case the import begins at the first row, whose rows are replays.
type place struct {
	File     string    `json:"file"`
	Size     int64     `json:"size"`
	Modified time.Time `json:"modified"`
	Head     string    `json:"head_sha256"` // of the first 64 KiB
	Options  string    `json:"options"`
	Books    string    `json:"books"`

	Row      int64   `json:"row"` // all rows up to it are done
	ID       string  `json:"id"`  // the last one of them that is in the books
	Rejected int64   `json:"rejected_bytes"`
	Summary  Summary `json:"summary"`
}

const headBytes = 64 << 10

// placeOf is the place before the first row.
func placeOf(opts Options, books Books, zone *time.Location) (place, error) {
	f, err := os.Open(opts.File)
	if err != nil {
		return place{}, fmt.Errorf("import: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return place{}, fmt.Errorf("import: %w", err)
	}
	h := sha256.New()
	if _, err := io.Copy(h, io.LimitReader(f, headBytes)); err != nil {
		return place{}, fmt.Errorf("import: read %s: %w", opts.File, err)
	}
	var columns []string
	for _, our := range slices.Sorted(maps.Keys(opts.Columns)) {
		columns = append(columns, our+"="+opts.Columns[our])
	}
	return place{
		File: filepath.Base(opts.File), Size: info.Size(), Modified: info.ModTime().UTC(), Head: hex.EncodeToString(h.Sum(nil)),
		Options: fmt.Sprintf("%s delimiter=%q decimals=%d zone=%s earn=%t columns=%s rejected=%s", opts.Kind, opts.Delimiter,
			opts.Decimals, zone, books.Earn, strings.Join(columns, ","), opts.RejectedFile),
		Books: books.Name,
	}, nil
}

func (o *Options) placePath() string {
	dir := o.ProgressDir
	if dir == "" {
		dir = filepath.Dir(o.File)
	}
	return filepath.Join(dir, filepath.Base(o.File)+".progress")
}

// resume gives the place that an earlier run has come to, or start.
func resume(ctx context.Context, start place, opts Options, sink Sink) (place, error) {
	b, err := os.ReadFile(opts.placePath())
	if err != nil {
		return start, nil
	}
	var p place
	if err := json.Unmarshal(b, &p); err != nil {
		return start, nil
	}
	same := start
	same.Row, same.ID, same.Rejected, same.Summary = p.Row, p.ID, p.Rejected, p.Summary
	if p != same || p.ID == "" {
		return start, nil
	}
	if p.Rejected > 0 {
		if info, err := os.Stat(opts.RejectedFile); err != nil || info.Size() < p.Rejected {
			return start, nil
		}
	}
	has, err := sink.Has(ctx, p.ID)
	if err != nil || !has {
		return start, err
	}
	return p, nil
}

// save replaces the file, so that it is whole or the one before.
func (p *place) save(path string) error {
	b, err := json.MarshalIndent(p, "", "  ")
	if err == nil {
		err = os.WriteFile(path+".tmp", append(b, '\n'), 0o644)
	}
	if err == nil {
		err = os.Rename(path+".tmp", path)
	}
	if err != nil {
		return fmt.Errorf("import: save the progress: %w", err)
	}
	return nil
}
