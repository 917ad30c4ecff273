package trace

import (
	"context"
	"log/slog"
	"strings"
	"time"
)

// logRequest writes a line a request. What it knows holds no secrets: neither
// queries nor headers are kept.
func logRequest(ctx context.Context, logger *slog.Logger, record *Request) {
	level := slog.LevelInfo
	if record.Status >= 500 || record.Status == 0 {
		level = slog.LevelWarn
	}
	if !logger.Enabled(ctx, level) {
		return
	}
	attributes := []slog.Attr{
		slog.String("method", record.Method),
		slog.String("path", record.Path),
		slog.Int("status", record.Status),
		slog.String("route", string(record.Route)),
		slog.Duration("took", time.Duration(record.Duration).Round(10*time.Microsecond)),
		slog.Int64("received", record.ReceivedBytes),
		slog.Int64("sent", record.SentBytes),
	}
	if record.Identity != "" {
		attributes = append(attributes, slog.String("identity", record.Identity))
	}
	for _, list := range []struct {
		name   string
		values []string
	}{{"needed", record.Needed}, {"asked", record.Asked}, {"granted", record.Granted}, {"faults", record.Faults}} {
		if len(list.values) > 0 {
			attributes = append(attributes, slog.String(list.name, strings.Join(list.values, " ")))
		}
	}
	logger.LogAttrs(ctx, level, "request", append(attributes, slog.String("correlation", record.CorrelationID))...)
}
