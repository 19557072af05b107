package middleware

import (
	"fmt"

	"github.com/isame-lb/isame-lb/config"
)

// newStage makes a stage of its keys: nil where the stage is nothing by itself.
func newStage(keys any, p *Place) (any, error) { //nolint:cyclop,funlen // one line for each type
	switch k := keys.(type) {
	case *config.StageBandwidthLimit:
		return newBandwidthLimit(k, p)
	case *config.StageAPIKey:
		return newAPIKey(k, p)
	case *config.StageBasicAuth:
		return newBasicAuth(k, p)
	case *config.StageBuffer:
		return newBuffer(k), nil
	case *config.StageBufferLimit:
		return newBufferLimit(k), nil
	case *config.StageChain:
		return nil, nil //nolint:nilnil // it stands for others
	case *config.StageConcurrencyLimit:
		return newConcurrencyLimit(k, p)
	case *config.StageCompress:
		return newCompress(k, p)
	case *config.StageCookies:
		return newCookies(k, p)
	case *config.StageCount:
		return newCount(k, p)
	case *config.StageCORS:
		return newCORS(k, p), nil
	case *config.StageDeny:
		return newDeny(k, p)
	case *config.StageForwardAuth:
		return newForwardAuth(k, p)
	case *config.StageErrorPages:
		return newErrorPages(k, p)
	case *config.StageFault:
		return newFault(k, p)
	case *config.StageAffinity:
		return newAffinity(k, p)
	case *config.StageMirror:
		return newMirror(k, p), nil
	case *config.StageHeaders:
		return newHeaders(k, p)
	case *config.StageMaintenance:
		return newMaintenance(k, p)
	case *config.StageRateLimit:
		return newRateLimit(k, p)
	case *config.StageRedirect:
		return newRedirect(k, p)
	case *config.StageRequestID:
		return newRequestID(k, p), nil
	case *config.StageRewrite:
		return newRewrite(k, p)
	case *config.StageSecurityHeaders:
		return newSecurityHeaders(k, p), nil
	case *config.StageTimeout:
		return newTimeout(k), nil
	case *config.StageHandler:
		return newHandler(k, p)
	case *config.StageIPFilter:
		return newIPFilter(k, p)
	case *config.StageJWT:
		return newJWT(k, p)
	}
	return nil, fmt.Errorf("stages of %T are not known", keys) //nolint:err113 // config has refused them before
}
