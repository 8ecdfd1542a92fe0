// Verifies the attestation document on standard input with nitrite, as of now, under the root certificate in the file that is named,
// and prints what it binds. Exit status 1: refused.
package main

import (
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/hf/nitrite"
)

func verify(rootFile string) (*nitrite.Document, error) {
	root, err := os.ReadFile(rootFile)
	if err != nil {
		return nil, err
	}
	document, err := io.ReadAll(os.Stdin)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(root)
	result, err := nitrite.Verify(document, nitrite.VerifyOptions{Roots: roots})
	if err != nil {
		return nil, err
	}
	if !result.SignatureOK {
		return nil, nitrite.ErrBadSignature
	}
	return result.Document, nil
}

func main() {
	document, err := verify(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	hex := func(bytes []byte) string { return fmt.Sprintf("%x", bytes) }
	json.NewEncoder(os.Stdout).Encode(map[string]any{"module_id": document.ModuleID, "nonce": hex(document.Nonce),
		"user_data": hex(document.UserData), "public_key": hex(document.PublicKey), "pcrs": len(document.PCRs)})
}
