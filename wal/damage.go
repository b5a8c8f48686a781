package wal

import "fmt"

// Damage names what is wrong with the log: a file or folder, which bytes of it,
// and what that cost. It wraps ErrDamaged.
type Damage struct {
	File     string
	From, To int64 // bytes [From, To); both 0 when the whole of File is meant
	What     string
}

func (d *Damage) Error() string {
	if d.From == 0 && d.To == 0 {
		return fmt.Sprintf("%s is damaged: %s", d.File, d.What)
	}
	return fmt.Sprintf("%s is damaged at bytes %d..%d: %s", d.File, d.From, d.To, d.What)
}

func (d *Damage) Unwrap() error { return ErrDamaged }

func damaged(file string, from, to int64, format string, args ...any) *Damage {
	return &Damage{File: file, From: from, To: to, What: fmt.Sprintf(format, args...)}
}
