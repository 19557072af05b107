package middleware

import (
	"github.com/isame-lb/isame-lb/engine/auth/live"
)

// files is what reads the files of all stages again when they change. What becomes of
// them is said in the log.
func (p *Place) files() *live.Keeper {
	log := p.Logger
	k, _ := Kept(p.Book, "", "files", func() (*live.Keeper, error) { // it cannot fail
		return live.NewKeeper(func(e live.Event) {
			if e.Err != nil {
				log.Warn().Err(e.Err).Str("middleware", e.Name).Msg("cannot use the file of a stage as it is now; the last good one stays")
				return
			}
			log.Info().Str("middleware", e.Name).Msg("the file of a stage has changed and is in force")
		}), nil
	})
	return k
}
