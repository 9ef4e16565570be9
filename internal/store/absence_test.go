package store

import "testing"

func TestAbsence(t *testing.T) {
	var a absence
	if a.certain() {
		t.Fatal("certain before anyone looked")
	}
	a.look()(0)
	if !a.certain() {
		t.Fatal("nothing was there, and that is not known")
	}
	done := a.begin()
	if a.certain() {
		t.Fatal("certain while a turn is being stored")
	}
	a.look()(0) // not committed yet
	if a.certain() {
		t.Fatal("a count that came too early is believed")
	}
	counted := a.look()
	done()
	counted(0)
	if a.certain() {
		t.Fatal("a count is believed during which a turn was stored")
	}
	counted = a.look()
	a.begin()()
	counted(0)
	if a.certain() {
		t.Fatal("a count is believed during which a turn began and ended")
	}
	a.look()(1)
	if a.certain() {
		t.Fatal("one is none")
	}
	a.look()(0)
	if !a.certain() {
		t.Fatal("not known after the last is gone")
	}
}
