package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/rewardlab/rewardlab/notebooks/internal/lab"
)

const welcome = "00_welcome.ipynb"

// openLab sets up, starts JupyterLab and stays until Ctrl-C.
func openLab(ctx context.Context, args []string, out io.Writer) error {
	start := time.Now()
	var cfg lab.Config
	flags := newFlags("notebooks", out)
	flags.IntVar(&cfg.Port, "port", 0, "port to listen on; 0 is the first free one from 8888")
	flags.StringVar(&cfg.IP, "ip", "127.0.0.1", "address to listen on; another one lets other machines in, who then need only the token")
	noBrowser := flags.Bool("no-browser", false, "print the address and open no browser")
	if err := parse(flags, args, 0); err != nil {
		return err
	}
	env, err := prepare(ctx)
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(env.Notebooks(), welcome)); err == nil {
		cfg.Open = welcome
	}
	cfg.Token = os.Getenv("JUPYTER_TOKEN")
	server, err := lab.Start(ctx, env, cfg)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "JupyterLab is ready after %.1f s: %s\nCtrl-C stops it. Log: %s\n", time.Since(start).Seconds(), server.URL, server.Log)
	if !*noBrowser {
		if err := lab.OpenBrowser(server.URL); err != nil {
			fmt.Fprintln(out, "No browser was found here: open the address in one.")
		}
	}
	err = server.Wait(ctx)
	if err == nil {
		fmt.Fprintln(out, "JupyterLab has stopped.")
		return nil
	}
	return errors.Join(err, ctx.Err())
}
