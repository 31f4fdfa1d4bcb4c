package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"kubelab/load"
)

const progressInterval = 50 * time.Millisecond

// newLoadCommand reads a plan from its input and asks until it is told to
// end. It prints "OK FAILED" again and again, and at the end the result as JSON.
func newLoadCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "load",
		Short: "Ask one address at a steady rate and check every answer",
		RunE: func(*cobra.Command, []string) error {
			ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
			defer cancel()
			var plan load.Plan
			if err := json.NewDecoder(os.Stdin).Decode(&plan); err != nil {
				return err
			}
			run, wait := load.Start(ctx, plan)
			for ctx.Err() == nil {
				ok, failed := run.Progress()
				fmt.Println(ok, failed)
				select {
				case <-ctx.Done():
				case <-time.After(progressInterval):
				}
			}
			wait()
			return json.NewEncoder(os.Stdout).Encode(run.Result())
		},
	}
}
