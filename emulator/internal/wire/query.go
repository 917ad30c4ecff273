package wire

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/acrkit/azcontainerregistry/emulator/internal/kql"
	"github.com/acrkit/azcontainerregistry/emulator/internal/store"
)

// queryPage is how many rows one response of a query has.
const queryPage = 100

// queryColumns are those of the table, in the recorded order (ACR protocol
// §13). The subject and the annotations of a manifest can be asked for.
var queryColumns = []string{
	"size", "imageSize", "architecture", "os", "mediaType", "createdAt", "repository", "digest", "annotationIndexProperties",
}

// queryRequest is the body of a query.
type queryRequest struct {
	Query   string `json:"query"`
	Options struct {
		SkipToken string `json:"$skipToken"`
	} `json:"options"`
}

type queryResult struct {
	Count     int               `json:"count"`
	Region    string            `json:"region"`
	SkipToken string            `json:"$skipToken"`
	Data      []json.RawMessage `json:"data"`
}

// queryManifests responds to a query of the registry's or of a repository's
// metadata (ACR protocol §3.11, §13). What the service says to a query that it
// does not understand is not known.
func (c manifestHandler) queryManifests() error {
	var asked queryRequest
	if err := c.readJSON(&asked); err != nil {
		return err
	}
	query, err := kql.Parse(asked.Query)
	if err != nil {
		return errBodyInvalid.WithDetail(err.Error())
	}
	skip, err := skipped(asked.Options.SkipToken)
	if err != nil {
		return errBodyInvalid.WithDetail("the $skipToken is not one of this registry's")
	}
	rows, err := c.queryRows()
	if err != nil {
		return err
	}
	rows = query.Run(c.Clock.Now(), rows)
	columns := query.Columns()
	if columns == nil {
		columns = queryColumns
	}
	result := queryResult{Region: c.op.registry.region(), Data: []json.RawMessage{}}
	rows = rows[min(skip, len(rows)):]
	if len(rows) > queryPage {
		rows = rows[:queryPage]
		result.SkipToken = base64.StdEncoding.EncodeToString(strconv.AppendInt(nil, int64(skip+queryPage), 10))
	}
	for _, row := range rows {
		text, err := rowJSON(row, columns)
		if err != nil {
			return err
		}
		result.Data = append(result.Data, text)
	}
	result.Count = len(result.Data)
	return c.json(http.StatusOK, result)
}

// skipped reads how many rows the earlier responses had.
func skipped(token string) (int, error) {
	if token == "" {
		return 0, nil
	}
	text, err := base64.StdEncoding.DecodeString(token)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseUint(string(text), 10, 31)
	return int(n), err
}

// queryRows is the table: the manifests of one repository, or of all.
func (c manifestHandler) queryRows() ([]kql.Row, error) {
	var rows []kql.Row
	err := c.data.View(func(tx *store.Tx) error {
		if c.op.repository != "" {
			if _, err := c.knownRepository(tx); err != nil {
				return err
			}
			return addRows(tx, c.op.repository, &rows)
		}
		var names []string
		err := tx.Repositories("", func(name string, r store.Repository) bool {
			if !r.Attributes.ListDisabled {
				names = append(names, name)
			}
			return true
		})
		for _, name := range names {
			if err == nil {
				err = addRows(tx, name, &rows)
			}
		}
		return err
	})
	return rows, err
}

func addRows(tx *store.Tx, repository string, rows *[]kql.Row) error {
	return tx.Manifests(repository, store.ByName, store.Cursor{}, func(m store.Manifest) bool {
		if !m.Attributes.ListDisabled {
			*rows = append(*rows, queryRow(tx, repository, m))
		}
		return true
	})
}

func queryRow(tx *store.Tx, repository string, m store.Manifest) kql.Row {
	row := kql.Row{
		"size": m.Size, "imageSize": m.ImageSize, "architecture": m.Architecture, "os": m.OS, "mediaType": m.MediaType,
		"createdAt": m.Created.Time(), "repository": repository, "digest": m.Digest,
		"annotationIndexProperties": kql.Row{"state": "none", "count": int64(0)},
	}
	if m.Subject != "" {
		row["subject"] = m.Subject
	}
	// One that isn't of the usual shape has no annotations to ask for.
	var content struct{ Annotations map[string]string }
	if json.Unmarshal(tx.ManifestContent(repository, m.Digest), &content) == nil && len(content.Annotations) > 0 {
		annotations := kql.Row{}
		for key, value := range content.Annotations {
			annotations[key] = value
		}
		row["annotations"] = annotations
	}
	return row
}

// rowJSON writes some columns of a row, in their order.
func rowJSON(row kql.Row, columns []string) (json.RawMessage, error) {
	var out bytes.Buffer
	for i, column := range columns {
		value := row[column]
		switch v := value.(type) {
		case time.Time:
			value = timestamp(store.TicksOf(v))
		case kql.Row:
			if column == "annotationIndexProperties" {
				properties, err := rowJSON(v, []string{"state", "count"})
				if err != nil {
					return nil, err
				}
				value = properties
			}
		}
		name, err := json.Marshal(column)
		if err != nil {
			return nil, err
		}
		text, err := json.Marshal(value)
		if err != nil {
			return nil, err
		}
		out.WriteByte("{,"[min(i, 1)])
		out.Write(name)
		out.WriteByte(':')
		out.Write(text)
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}
