package main

import (
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseOther(t *testing.T) {
	got, err := parseOther("mine=http://127.0.0.1:4000/v1,pid=12,pid=13,key=k=1,model=m")
	want := other{name: "mine", url: "http://127.0.0.1:4000/v1", key: "k=1", model: "m", pids: []int{12, 13}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(other{})); diff != "" || err != nil {
		t.Errorf("parseOther() = %+v, %v; want %+v", got, err, want)
	}
}

func TestBadOptions(t *testing.T) {
	for args, want := range map[string]string{
		"-other mine": "ends in /v1",
		"-other mine=http://127.0.0.1:4000,pid=1":             "ends in /v1",
		"-other =http://127.0.0.1:4000/v1,pid=1":              "want NAME=URL",
		"-other mine=http://127.0.0.1:4000/v1":                "want the pid",
		"-other mine=http://127.0.0.1:4000/v1,pid=x":          `pid "x" is no number`,
		"-other mine=http://127.0.0.1:4000/v1,pid=1,port=2":   `unknown field "port"`,
		"-other mine=http://127.0.0.1:4000/v1,pid=1":          "-other needs -listen",
		"-only continued,odd":                                 `no group "odd"`,
		"-only postgres":                                      "needs -postgres",
		"-idle 5":                                             "want two numbers",
		"-idle 5,5":                                           "want two numbers",
		"-rounds 0":                                           "must be positive",
		"-slice 0s":                                           "must be positive",
		"-streams -1":                                         "must not be negative",
		"continued":                                           `"continued" is no flag`,
		"-listen 127.0.0.1:0 -other a=http://h:1/v1,pid=1":    "-other needs -listen",
		"-listen 127.0.0.1:4100 -only -other=a=http://h:1/v1": "no group",
	} {
		_, err := parseOptions(strings.Fields(args), io.Discard)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("parseOptions(%s) = %v, want an error with %q", args, err, want)
		}
	}
}

func TestOptions(t *testing.T) {
	o, err := parseOptions(strings.Fields("-only continued,idle -idle 10,20 -json -listen 127.0.0.1:4100"+
		" -other a=http://h:1/v1,pid=1 -other b=http://h:2/v1,pid=2"), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if !o.has(groupContinued) || !o.has(groupIdle) || o.has(groupNew) {
		t.Errorf("only = %v, want continued and idle", o.only)
	}
	if o.idle != [2]int{10, 20} || !o.json || len(o.others) != 2 || o.others[1].model != model {
		t.Errorf("options = %+v, want the values of the flags", o)
	}
	if all, err := parseOptions(nil, io.Discard); err != nil || !all.has(groupNew) {
		t.Errorf("parseOptions() = %+v, %v; want all groups", all, err)
	}
}
