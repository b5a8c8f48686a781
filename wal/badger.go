package wal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"sync"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"

	"github.com/kopilka/kopilka"
)

// live is an epoch that lies in a Badger: the one that takes frames, or one
// that is being sealed.
type live struct {
	db *badger.DB
}

const (
	// memTableBytes keeps mapped files small: past some 24 MiB every msync
	// writes whole folios of the page cache, 16 times the bytes and more.
	memTableBytes = 8 << 20
	// valueThreshold is above every frame, so that none goes to the value log.
	valueThreshold = 1 << 20
)

// openLive opens or makes the Badger in dir. Whatever Badger calls an error
// goes to failed: some of its errors show nowhere else.
func openLive(dir string, log *slog.Logger, failed func(error)) (*live, error) {
	o := badger.DefaultOptions(dir)
	// Badger does not sync by default; a log that forgets is no log.
	o.SyncWrites = true
	o.MemTableSize = memTableBytes
	o.NumMemtables = 2
	o.ValueThreshold = valueThreshold
	o.ValueLogFileSize = 1 << 20
	// Keys only grow and nothing is deleted, so there is nothing to compact; and
	// with no compactor no number of tables may stop the writer.
	o.NumCompactors = 0
	o.NumLevelZeroTables = math.MaxInt32 - 1
	o.NumLevelZeroTablesStall = math.MaxInt32
	o.Compression = options.None
	o.BlockCacheSize = 0
	o.IndexCacheSize = 0
	o.BloomFalsePositive = 0 // frames are found by order, not by key
	o.DetectConflicts = false
	o.MetricsEnabled = false
	o.BypassLockGuard = true // LOCK keeps others out of the whole folder; Badger's closes without unlocking
	o.ChecksumVerificationMode = options.OnTableRead
	ears := &badgerLog{log: log, failed: failed}
	o.Logger = ears
	db, err := badger.OpenManaged(o)
	if err == nil {
		err = ears.opened()
	}
	if err != nil {
		return nil, fmt.Errorf("open epoch %s: %w", dir, err)
	}
	return &live{db: db}, nil
}

// frameKey is where a frame lies: by its first position, so that the frame that
// holds a position is one seek backwards, and by its index, since a frame
// without commands begins where the next one does.
func frameKey(first kopilka.Seq, index uint64) []byte {
	k := make([]byte, 0, keySize)
	k = binary.BigEndian.AppendUint64(k, uint64(first))
	return binary.BigEndian.AppendUint64(k, index)
}

// append makes a frame durable. The version is the frame's index, so that
// Badger needs no clock of its own.
func (l *live) append(first kopilka.Seq, index uint64, raw []byte) error {
	txn := l.db.NewTransactionAt(math.MaxUint64, true)
	defer txn.Discard()
	if err := txn.SetEntry(badger.NewEntry(frameKey(first, index), raw)); err != nil {
		return err
	}
	return txn.CommitAt(index, nil)
}

// iterate walks from key on, or backwards, until f says false. The bytes are
// good until f returns.
func (l *live) iterate(key []byte, reverse bool, f func(raw []byte) (bool, error)) error {
	return l.db.View(func(txn *badger.Txn) error {
		it := txn.NewIterator(badger.IteratorOptions{Reverse: reverse})
		defer it.Close()
		for it.Seek(key); it.Valid(); it.Next() {
			more := false
			err := it.Item().Value(func(raw []byte) (err error) {
				more, err = f(raw)
				return err
			})
			if err != nil || !more {
				return err
			}
		}
		return nil
	})
}

func (l *live) find(seq kopilka.Seq) (raw []byte, err error) {
	err = l.iterate(frameKey(seq, math.MaxUint64), true, func(b []byte) (bool, error) {
		raw = append([]byte(nil), b...)
		return false, nil
	})
	return raw, err
}

func (l *live) behind(at mark, limit int, buf []byte) ([]byte, error) {
	err := l.iterate(frameKey(at.Seq+1, at.Pos.Index+1), false, func(b []byte) (bool, error) {
		buf = append(buf, b...)
		return len(buf) < limit, nil
	})
	return buf, err
}

func (l *live) close() error { return l.db.Close() }

// badgerLog hears what Badger has to say. Until the Badger is open its errors
// are kept: it opens without a table that it cannot read, and only says so.
type badgerLog struct {
	log    *slog.Logger
	failed func(error)

	mu   sync.Mutex
	open bool
	errs []error
}

func text(format string, args []any) string {
	return strings.TrimSpace(fmt.Sprintf(format, args...))
}

func (b *badgerLog) opened() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.open = true
	return errors.Join(b.errs...)
}

func (b *badgerLog) Errorf(format string, args ...any) {
	err := fmt.Errorf("badger: %s", text(format, args))
	b.mu.Lock()
	open := b.open
	if !open {
		b.errs = append(b.errs, err)
	}
	b.mu.Unlock()
	if open {
		b.failed(err)
	}
}

func (b *badgerLog) Warningf(format string, args ...any) {
	b.log.Warn("wal: badger: " + text(format, args))
}

func (b *badgerLog) Infof(format string, args ...any)  {}
func (b *badgerLog) Debugf(format string, args ...any) {}
